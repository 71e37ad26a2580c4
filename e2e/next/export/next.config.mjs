// A site of files alone. Without a server there is no optimizer of Next's, so the loader says where one is.
export default {
  output: 'export',
  images: { loader: 'custom', loaderFile: './loader.js' },
};
